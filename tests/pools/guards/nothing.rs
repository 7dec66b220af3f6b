//! A manager of connections to nothing, for each pool that wants one.

use std::convert::Infallible;

#[derive(Debug)]
pub struct Nothing;

impl deadpool::managed::Manager for Nothing {
    type Type = u8;
    type Error = Infallible;

    async fn create(&self) -> Result<u8, Infallible> {
        Ok(0)
    }

    async fn recycle(
        &self,
        _: &mut u8,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<Infallible> {
        Ok(())
    }
}

impl bb8::ManageConnection for Nothing {
    type Connection = u8;
    type Error = Infallible;

    async fn connect(&self) -> Result<u8, Infallible> {
        Ok(0)
    }

    async fn is_valid(&self, _: &mut u8) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut u8) -> bool {
        false
    }
}

#[mobc::async_trait]
impl mobc::Manager for Nothing {
    type Connection = u8;
    type Error = Infallible;

    async fn connect(&self) -> Result<u8, Infallible> {
        Ok(0)
    }

    async fn check(&self, connection: u8) -> Result<u8, Infallible> {
        Ok(connection)
    }
}

impl r2d2::ManageConnection for Nothing {
    type Connection = u8;
    type Error = Infallible;

    fn connect(&self) -> Result<u8, Infallible> {
        Ok(0)
    }

    fn is_valid(&self, _: &mut u8) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut u8) -> bool {
        false
    }
}
