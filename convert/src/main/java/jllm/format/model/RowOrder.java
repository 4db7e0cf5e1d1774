package jllm.format.model;

import java.lang.foreign.Arena;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jllm.format.AttentionConfig;
import jllm.format.ModelConfig;
import jllm.format.PositionConfig;
import jllm.format.WeightNames;
import jllm.tensor.RopePairing;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The rows of query and key matrices where two formats of a family pair the components of a head
 * differently: the two components of a pair move to where the other format looks for them. Dot
 * products of queries and keys stay the same.
 *
 * @param wanted pairing of the format that is written
 * @param turned rows that belong to queries and keys; those after them are values
 * @param headDim D
 * @param dimensions R, turned components of a head
 */
public record RowOrder(RopePairing wanted, int turned, int headDim, int dimensions) {
  private static final Pattern BLOCK = Pattern.compile("blk\\.\\d+\\.(\\w+)\\.(?:weight|bias)");

  /**
   * The order of a weight's rows, absent if they stay as they are.
   *
   * @param wanted pairing of the format that is written, absent if it has none
   */
  public static @Nullable RowOrder of(
      ModelConfig config, @Nullable RopePairing wanted, String name) {
    Matcher block = BLOCK.matcher(name);
    if (!block.matches()
        || wanted == null
        || !(config.position() instanceof PositionConfig.Rope rope)
        || rope.pairing() == wanted) {
      return null;
    }
    AttentionConfig attention = config.attention();
    int heads =
        switch (block.group(1)) {
          case WeightNames.QUERY -> attention.heads();
          case WeightNames.KEY -> attention.kvHeads();
          case WeightNames.QUERY_KEY_VALUE -> attention.heads() + attention.kvHeads();
          case WeightNames.QUERY_NORM, WeightNames.KEY_NORM -> 1;
          default -> 0;
        };
    int headDim = attention.headDim();
    return heads == 0 ? null : new RowOrder(wanted, heads * headDim, headDim, rope.dimensions());
  }

  /** Which row of the source becomes this row. */
  public int source(int row) {
    int component = row % headDim;
    if (row >= turned || component >= dimensions) {
      return row;
    }
    int half = dimensions / 2;
    int moved =
        wanted == RopePairing.INTERLEAVED
            ? component % 2 * half + component / 2
            : component % half * 2 + component / half;
    return row - component + moved;
  }

  /** The way back: of rows in this order, which were in the other one. */
  RowOrder inverse() {
    RopePairing other =
        wanted == RopePairing.INTERLEAVED ? RopePairing.HALF_SPLIT : RopePairing.INTERLEAVED;
    return new RowOrder(other, turned, headDim, dimensions);
  }

  /** A copy of a weight in that order. */
  Tensor copy(Tensor tensor, Arena arena) {
    return new RowMoves(this::source).copy(tensor, arena);
  }
}
