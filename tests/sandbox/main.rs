//! The kit itself: what every other suite takes for granted.

mod executor;
mod hung;
mod life;
mod network;
