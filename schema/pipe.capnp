@0xcd674449e31aacfa;
# A pipe: bytes in order from writers to readers, through a bounded buffer in the kernel.

interface PipeReader {
  read @0 (maxBytes :UInt32) -> (data :Data);
  # At least one byte, as soon as there is one; no data: every writer is gone and the buffer is empty (end of file).

  info @1 () -> (queuedBytes :UInt32, capacityBytes :UInt32, writersGone :Bool);
}

interface PipeWriter {
  write @0 (data :Data) -> (written :UInt32);
  # Waits until at least one byte fits; then writes as many as fit. Data of up to 4096 bytes is written as one piece.
  # disconnected: every reader is gone.

  info @1 () -> (queuedBytes :UInt32, capacityBytes :UInt32, readersGone :Bool);
}
