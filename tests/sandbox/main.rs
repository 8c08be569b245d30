//! The kit itself: what every other suite takes for granted.

mod executor;
mod hung_storage;
mod isolation;
mod network;
