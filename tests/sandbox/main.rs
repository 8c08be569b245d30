//! Tests of the kit itself, on which every other suite depends.

mod executor;
mod hung_storage;
mod isolation;
mod network;
