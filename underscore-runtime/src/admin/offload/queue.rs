//! A fair queue: no client has more than its share of jobs running at a time, and clients with
//! waiting jobs take turns.

use std::collections::VecDeque;

/// The owner of a job: the uid of the socket's peer. `None` behind `admin_router()`, where it is
/// not known.
pub(in crate::admin) type Client = Option<u32>;

/// The most waiting jobs of one client.
const MOST_WAITING: usize = 1024;

/// Jobs by client.
#[derive(Debug)]
pub(super) struct Queue<J> {
    /// The most running jobs of one client.
    share: usize,
    /// The clients with jobs, the one whose turn is next first.
    clients: VecDeque<Entry<J>>,
}

#[derive(Debug)]
struct Entry<J> {
    client: Client,
    running: usize,
    waiting: VecDeque<J>,
}

impl<J> Queue<J> {
    pub(super) fn new(share: usize) -> Self {
        Queue {
            share,
            clients: VecDeque::new(),
        }
    }

    /// Adds a job; fails with the number of jobs that wait if the client has too many.
    pub(super) fn push(&mut self, client: Client, job: J) -> Result<(), usize> {
        if let Some(entry) = self.entry(client) {
            if entry.waiting.len() >= MOST_WAITING {
                return Err(entry.waiting.len());
            }
            entry.waiting.push_back(job);
            return Ok(());
        }
        self.clients.push_back(Entry {
            client,
            running: 0,
            waiting: VecDeque::from([job]),
        });
        Ok(())
    }

    /// The next job that may run. It counts as running until [`done`](Self::done).
    pub(super) fn pop(&mut self) -> Option<(Client, J)> {
        let share = self.share;
        let next = self.clients.iter().position(|entry| entry.ready(share) > 0);
        let mut entry = self.clients.remove(next?)?;
        let job = entry.waiting.pop_front();
        entry.running = entry.running.saturating_add(1);
        let client = entry.client;
        self.clients.push_back(entry);
        Some((client, job?))
    }

    /// Ends a running job of the client.
    pub(super) fn done(&mut self, client: Client) {
        if let Some(entry) = self.entry(client) {
            entry.running = entry.running.saturating_sub(1);
        }
        self.clients
            .retain(|entry| entry.running > 0 || !entry.waiting.is_empty());
    }

    /// The number of waiting jobs that may run now.
    pub(super) fn ready(&self) -> usize {
        let ready = self.clients.iter().map(|entry| entry.ready(self.share));
        ready.sum()
    }

    fn entry(&mut self, client: Client) -> Option<&mut Entry<J>> {
        let mut entries = self.clients.iter_mut();
        entries.find(|entry| entry.client == client)
    }
}

impl<J> Entry<J> {
    fn ready(&self, share: usize) -> usize {
        self.waiting.len().min(share.saturating_sub(self.running))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Client = Some(0);
    const B: Client = Some(1);

    fn all(queue: &mut Queue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop())
            .map(|(_, job)| job)
            .collect()
    }

    #[test]
    fn a_client_has_its_share_and_others_come_in_turn() {
        let mut queue = Queue::new(2);
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
        assert_eq!(queue.ready(), 0, "the third of A waits for one of A's");
        queue.done(A);
        assert_eq!(all(&mut queue), ["a3"]);
    }

    #[test]
    fn a_client_has_a_bounded_number_of_jobs_that_wait_and_takes_no_room_of_others() {
        let mut queue = Queue::new(1);
        for _ in 0..MOST_WAITING {
            queue.push(A, "a").expect("room");
        }
        assert_eq!(queue.push(A, "a"), Err(MOST_WAITING));
        queue.push(B, "b").expect("room");
        assert_eq!(all(&mut queue), ["a", "b"]);
    }

    #[test]
    fn nothing_is_kept_of_a_client_without_jobs() {
        let mut queue = Queue::new(1);
        queue.push(A, "a").expect("room");
        all(&mut queue);
        queue.done(A);
        assert!(queue.clients.is_empty());
    }
}
