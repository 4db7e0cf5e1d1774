package jllm.ffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PageAllocatorTest {
  private static final long CHUNK = 64L << 20;

  @Test
  void piecesAreAlignedZeroedAndApart() {
    try (Arena arena = Arena.ofConfined()) {
      PageAllocator allocator = new PageAllocator(arena);
      List<MemorySegment> pieces = new ArrayList<>();
      for (long bytes : new long[] {1, 63, 64, 65, 4097, 3 << 20, CHUNK - 5, CHUNK + 5, 7}) {
        MemorySegment piece = allocator.allocate(bytes, 64);
        assertEquals(bytes, piece.byteSize());
        assertEquals(0, piece.address() % 64);
        assertEquals(-1, piece.mismatch(arena.allocate(bytes)), "not zeroed: " + bytes);
        for (MemorySegment other : pieces) {
          assertTrue(piece.asOverlappingSlice(other).isEmpty());
        }
        piece.fill((byte) pieces.size());
        pieces.add(piece);
      }
      for (int i = 0; i < pieces.size(); i++) {
        MemorySegment piece = pieces.get(i);
        assertEquals(i, piece.get(ValueLayout.JAVA_BYTE, 0));
        assertEquals(i, piece.get(ValueLayout.JAVA_BYTE, piece.byteSize() - 1));
      }
    }
  }

  @Test
  void closingTheArenaTakesTheMemoryBack() {
    MemorySegment piece;
    try (Arena arena = Arena.ofConfined()) {
      piece = new PageAllocator(arena).allocate(CHUNK, 4096);
      assertTrue(piece.scope().isAlive());
    }
    assertFalse(piece.scope().isAlive());
  }

  @Test
  void whatTheSystemDoesNotHaveIsRefused() {
    try (Arena arena = Arena.ofConfined()) {
      PageAllocator allocator = new PageAllocator(arena);
      assertThrows(OutOfMemoryError.class, () -> allocator.allocate(1L << 50, 64));
    }
  }
}
