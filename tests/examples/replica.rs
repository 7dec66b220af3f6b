//! `replica`: its own port has the durations of its requests.

use super::tried::Tried;

#[tokio::test]
async fn the_metrics_have_the_durations() {
    let mut tried = Tried::start("replica");
    let answers = tried.together("/job/20").await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(tried.send("/job/300").await.status, 200);
    let metrics = tried.send("/metrics").await;
    assert_eq!(metrics.status, 200);
    let sample = |bound: &str| {
        let name = "http_server_request_duration_seconds_bucket";
        let of_work = metrics.text.lines().filter(|line| line.starts_with(name));
        let bound = format!("le=\"{bound}\"");
        let mut its = of_work.filter(|line| line.contains(&bound));
        let line = its.next().expect("it has the bound");
        line.rsplit(' ').next().expect("a value").to_owned()
    };
    assert_eq!(sample("0.01"), "0");
    assert_eq!(sample("+Inf"), "11");
    tried.end();
}
