//! The output of a command, bounded.

/// Default limit of the kept output in bytes: its first and its last half. The rest is read and dropped, so that a command
/// never waits for a reader.
pub(crate) const DEFAULT_OUTPUT_BYTES: usize = 64 << 10;

/// The first and the last half of so many bytes.
#[derive(Debug)]
pub(crate) struct BoundedOutput {
    half: usize,
    head: Vec<u8>,
    tail: Vec<u8>,
    dropped: usize,
}

impl BoundedOutput {
    pub(crate) fn new(longest: usize) -> Self {
        Self { half: longest / 2, head: Vec::new(), tail: Vec::new(), dropped: 0 }
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        let room = self.half.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        bytes = &bytes[room..];
        self.tail.extend_from_slice(bytes);
        let over = self.tail.len().saturating_sub(self.half);
        self.dropped += over;
        self.tail.drain(..over);
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        if self.dropped > 0 {
            self.head
                .extend_from_slice(format!("\n[{} bytes left out]\n", self.dropped).as_bytes());
        }
        self.head.append(&mut self.tail);
        self.head
    }
}
