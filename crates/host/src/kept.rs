//! What a command said, bounded.

/// Most output that is kept, in bytes: the first half and the last half of it. The rest is read and dropped, so
/// that a command never waits for a reader.
pub(crate) const KEPT: usize = 64 << 10;

/// The first and the last half of [`KEPT`] bytes.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    dropped: usize,
}

impl Kept {
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        let room = (KEPT / 2).saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        bytes = &bytes[room..];
        self.tail.extend_from_slice(bytes);
        let over = self.tail.len().saturating_sub(KEPT / 2);
        self.dropped += over;
        self.tail.drain(..over);
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        if self.dropped > 0 {
            self.head.extend_from_slice(format!("\n[{} bytes left out]\n", self.dropped).as_bytes());
        }
        self.head.append(&mut self.tail);
        self.head
    }
}
