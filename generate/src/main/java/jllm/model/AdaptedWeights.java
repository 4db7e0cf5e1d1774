package jllm.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.format.lora.LoraPair;
import jllm.format.lora.ScaledAdapter;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;

/** Weights whose linear layers adapters change. */
final class AdaptedWeights implements Weights {
  /** The model itself has lower places of dropout. */
  private static final int FIRST_PLACE = 1 << 20;

  private final Weights base;
  private final Placement placement;
  private final Map<String, List<Placed>> changes = new LinkedHashMap<>();

  /** How a matrix of an adapter becomes one that a model computes with. */
  interface Placement {
    /** Rows of a matrix, all or some of them. */
    Tensor place(Tensor matrix, int from, int rows);
  }

  /**
   * @param a is shared by the parts of a fused layer
   */
  private record Placed(Tensor a, LoraPair pair, float scale, int place) {}

  AdaptedWeights(Weights base, List<ScaledAdapter> adapters, Placement placement) {
    this.base = base;
    this.placement = placement;
    Map<String, Integer> places = new HashMap<>();
    for (ScaledAdapter scaled : adapters) {
      scaled
          .adapter()
          .pairs()
          .forEach((name, pair) -> {
            int place = places.merge(name, FIRST_PLACE + places.size(), (known, _) -> known);
            Tensor a = placement.place(pair.a(), 0, pair.rank());
            changes
                .computeIfAbsent(name, _ -> new ArrayList<>())
                .add(new Placed(a, pair, pair.scale() * scaled.factor(), place));
          });
    }
  }

  @Override
  public boolean has(String name) {
    return base.has(name);
  }

  @Override
  public Tensor take(String name, WeightUse use) {
    return base.take(name, use);
  }

  @Override
  public Tensor[] split(String name, WeightUse use, int... rows) {
    return base.split(name, use, rows);
  }

  @Override
  public List<LowRank> changes(String name, int from, int rows) {
    List<LowRank> placed = new ArrayList<>();
    for (Placed change : changes.getOrDefault(name, List.of())) {
      Tensor b = placement.place(change.pair().b(), from, rows);
      placed.add(new LowRank(change.a(), b, change.scale(), change.place()));
    }
    return List.copyOf(placed);
  }
}
