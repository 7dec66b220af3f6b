//! A fair queue: no client has more than its share of running jobs, and clients with waiting jobs
//! take turns.

use std::collections::VecDeque;

/// The owner of a job: the uid of the socket's peer. `None` behind `admin_router()`, where it is
/// unknown.
pub(in crate::admin) type ClientId = Option<u32>;

/// The maximum number of waiting jobs of one client.
const MAX_WAITING: usize = 1024;

/// Jobs by client.
#[derive(Debug)]
pub(super) struct FairQueue<J> {
    /// The maximum number of running jobs of one client.
    share: usize,
    /// The clients with jobs, in the order of their turns.
    clients: VecDeque<ClientJobs<J>>,
}

#[derive(Debug)]
struct ClientJobs<J> {
    client: ClientId,
    running: usize,
    waiting: VecDeque<J>,
}

impl<J> FairQueue<J> {
    pub(super) fn new(share: usize) -> Self {
        FairQueue {
            share,
            clients: VecDeque::new(),
        }
    }

    /// Adds a job. Fails with the number of the client's waiting jobs if they are too many.
    pub(super) fn push(&mut self, client: ClientId, job: J) -> Result<(), usize> {
        if let Some(entry) = self.entry(client) {
            if entry.waiting.len() >= MAX_WAITING {
                return Err(entry.waiting.len());
            }
            entry.waiting.push_back(job);
            return Ok(());
        }
        self.clients.push_back(ClientJobs {
            client,
            running: 0,
            waiting: VecDeque::from([job]),
        });
        Ok(())
    }

    /// Takes the next job that may run. It counts as running until [`done`](Self::done).
    pub(super) fn pop(&mut self) -> Option<(ClientId, J)> {
        let share = self.share;
        let next = self.clients.iter().position(|entry| entry.ready(share) > 0);
        let mut entry = self.clients.remove(next?)?;
        let job = entry.waiting.pop_front();
        entry.running = entry.running.saturating_add(1);
        let client = entry.client;
        self.clients.push_back(entry);
        Some((client, job?))
    }

    /// Records that a running job of the client has ended.
    pub(super) fn done(&mut self, client: ClientId) {
        if let Some(entry) = self.entry(client) {
            entry.running = entry.running.saturating_sub(1);
        }
        self.clients
            .retain(|entry| entry.running > 0 || !entry.waiting.is_empty());
    }

    /// Number of waiting jobs that may run now.
    pub(super) fn ready(&self) -> usize {
        let ready = self.clients.iter().map(|entry| entry.ready(self.share));
        ready.sum()
    }

    fn entry(&mut self, client: ClientId) -> Option<&mut ClientJobs<J>> {
        let mut entries = self.clients.iter_mut();
        entries.find(|entry| entry.client == client)
    }
}

impl<J> ClientJobs<J> {
    fn ready(&self, share: usize) -> usize {
        self.waiting.len().min(share.saturating_sub(self.running))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ClientId = Some(0);
    const B: ClientId = Some(1);

    fn all(queue: &mut FairQueue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop())
            .map(|(_, job)| job)
            .collect()
    }

    #[test]
    fn a_client_gets_its_share_and_clients_take_turns() {
        let mut queue = FairQueue::new(2);
        for job in ["a1", "a2", "a3", "a4"] {
            queue.push(A, job).expect("room");
        }
        for job in ["b1", "b2"] {
            queue.push(B, job).expect("room");
        }
        queue.push(None, "c1").expect("room");
        assert_eq!(queue.ready(), 5);
        assert_eq!(all(&mut queue), ["a1", "b1", "c1", "a2", "b2"]);
        queue.done(B);
        assert_eq!(
            queue.ready(),
            0,
            "the third job of A waits for a running one of A"
        );
        queue.done(A);
        assert_eq!(all(&mut queue), ["a3"]);
    }

    #[test]
    fn the_waiting_jobs_of_a_client_are_bounded_independently_of_others() {
        let mut queue = FairQueue::new(1);
        for _ in 0..MAX_WAITING {
            queue.push(A, "a").expect("room");
        }
        assert_eq!(queue.push(A, "a"), Err(MAX_WAITING));
        queue.push(B, "b").expect("room");
        assert_eq!(all(&mut queue), ["a", "b"]);
    }

    #[test]
    fn a_client_without_jobs_is_removed() {
        let mut queue = FairQueue::new(1);
        queue.push(A, "a").expect("room");
        all(&mut queue);
        queue.done(A);
        assert!(queue.clients.is_empty());
    }
}
