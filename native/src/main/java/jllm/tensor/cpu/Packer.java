package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import jllm.ffi.kernels.KernelLibrary;
import jllm.ffi.kernels.PackKernel;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Copies weights into the order of their {@link PackedFormat}, all threads at once. */
final class Packer implements Workers.Task {
  private final Workers workers;
  private final @Nullable PackKernel kernel;

  private PackedFormat format = PackedF32.INSTANCE;
  private MemorySegment source = MemorySegment.NULL;
  private MemorySegment target = MemorySegment.NULL;
  private int rows;
  private int columns;
  private int matrices;

  /**
   * @param library of native kernels, null to do without
   */
  Packer(Workers workers, @Nullable KernelLibrary library) {
    this.workers = workers;
    kernel = library == null ? null : PackKernel.of(library).orElse(null);
  }

  /**
   * A packed copy of a weight [O, I], or of each of [E, O, I].
   *
   * @throws IllegalArgumentException if there are no kernels for its type
   */
  Tensor pack(Tensor weight, SegmentAllocator arena) {
    format = PackedFormat.of(weight.dtype());
    columns = weight.columns();
    rows = weight.dim(-2);
    matrices = weight.rows() / Math.max(1, rows);
    source = weight.segment();
    target = arena.allocate(Math.max(1, matrices * format.bytes(rows, columns)), PackedFormat.LINE);
    workers.run(this);
    Tensor packed = new Tensor(weight.dtype(), weight.shape(), new Storage.Packed(target, format));
    source = MemorySegment.NULL;
    target = MemorySegment.NULL;
    return packed;
  }

  @Override
  public void run(int part, int parts) {
    int tiles = PackedFormat.tiles(rows);
    long rowBytes = format.dtype().bytes(columns);
    long tileBytes = format.tileBytes(columns);
    int end = Workers.share(matrices * tiles, part + 1, parts);
    PackKernel kernel = this.kernel;
    int tile = Workers.share(matrices * tiles, part, parts);
    if (kernel != null && format instanceof PackedBlocks blocks) {
      packNatively(kernel, blocks, tile, end, tiles);
      return;
    }
    for (; tile < end; tile++) {
      int row = tile % tiles * PanelReader.ROWS;
      long from = ((long) (tile / tiles) * rows + row) * rowBytes;
      format.pack(
          source, from, Math.min(PanelReader.ROWS, rows - row), columns, target, tile * tileBytes);
    }
  }

  /** Packs the tiles from..end-1, matrix by matrix. */
  private void packNatively(PackKernel kernel, PackedBlocks blocks, int from, int end, int tiles) {
    int count = columns / blocks.dtype().blockLength();
    while (from < end) {
      int matrix = from / tiles;
      int last = Math.min(end, (matrix + 1) * tiles);
      kernel.run(
          blocks.layout(),
          source.asSlice((long) matrix * rows * blocks.dtype().bytes(columns)),
          rows,
          count,
          from - matrix * tiles,
          last - matrix * tiles,
          target.asSlice(matrix * blocks.bytes(rows, columns)));
      from = last;
    }
  }
}
