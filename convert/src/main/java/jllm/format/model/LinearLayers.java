package jllm.format.model;

import java.lang.foreign.Arena;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.format.ModelConfig;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.tensor.RopePairing;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The linear layers in the blocks of a model that an adapter can change, what Hugging Face calls
 * them, and in which order the rows of their outputs are in its files and in GGUF's. Routers and
 * experts are not among them.
 */
public final class LinearLayers {
  private static final Set<String> PARTS =
      Set.of(
          WeightNames.QUERY_KEY_VALUE,
          WeightNames.QUERY,
          WeightNames.KEY,
          WeightNames.VALUE,
          WeightNames.ATTENTION_OUTPUT,
          WeightNames.GATE,
          WeightNames.UP,
          WeightNames.DOWN);

  private final ModelConfig config;
  private final Family family;
  private final Map<String, Layer> byName = new LinkedHashMap<>();
  private final Map<String, Layer> byModule = new LinkedHashMap<>();

  /**
   * A linear layer.
   *
   * @param name of its weight, such as {@code blk.3.attn_q.weight}
   * @param block number of its block
   * @param part such as {@code attn_q}
   * @param module such as {@code model.layers.3.self_attn.q_proj}
   * @param shape of the weight, [O, I]
   */
  public record Layer(String name, int block, String part, String module, Shape shape) {

    /** The module without the path to it: {@code q_proj}. */
    public String lastName() {
      return module.substring(module.lastIndexOf('.') + 1);
    }
  }

  private LinearLayers(ModelConfig config, Family family) {
    this.config = config;
    this.family = family;
  }

  /**
   * Those of a model.
   *
   * @throws jllm.format.ModelFormatException if its architecture is unknown
   */
  public static LinearLayers of(WeightSource source) {
    ModelConfig config = source.config();
    LinearLayers layers = new LinearLayers(config, Families.of(config, "the model"));
    HubNames names = new HubNames(layers.family.hub());
    WeightLayout.forEach(
        config,
        source::has,
        (name, shape) -> {
          HubNames.Parts parts = HubNames.Parts.of(name);
          if (parts != null
              && parts.layer() != null
              && parts.suffix().equals("weight")
              && PARTS.contains(parts.part())) {
            String module = names.of(name);
            module = module.substring(0, module.length() - ".weight".length());
            layers.add(
                new Layer(name, Integer.parseInt(parts.layer()), parts.part(), module, shape));
          }
        });
    return layers;
  }

  private void add(Layer layer) {
    byName.put(layer.name(), layer);
    byModule.put(layer.module(), layer);
  }

  /** In the order of the model. */
  public List<Layer> all() {
    return List.copyOf(byName.values());
  }

  public ModelConfig config() {
    return config;
  }

  /** The layer with that weight, absent if there is none. */
  public @Nullable Layer ofName(String name) {
    return byName.get(name);
  }

  /**
   * The layer that Hugging Face calls so, absent if there is none. Models saved without their head
   * lack the first part of each name.
   */
  public @Nullable Layer ofModule(String module) {
    Layer layer = byModule.get(module);
    return layer != null
        ? layer
        : byModule.get(family.hub().blockPrefix().split("\\.", 2)[0] + "." + module);
  }

  /** The last names of modules that can be changed, such as {@code q_proj}. */
  public Set<String> moduleNames() {
    Set<String> names = new LinkedHashSet<>();
    byName.values().forEach(layer -> names.add(layer.lastName()));
    return Collections.unmodifiableSet(names);
  }

  /** Rows [O, ..] of a layer from Hugging Face's order: a copy in the model's. */
  public Tensor fromHub(Layer layer, Tensor rows, Arena arena) {
    RowOrder order = RowOrder.of(config, RopePairing.HALF_SPLIT, layer.name());
    RowOrder back = order == null ? null : order.inverse();
    RowMoves heads = byHead(layer) ? RowMoves.fromHeads(rows.dim(0), heads()) : null;
    return new RowMoves(
            row -> {
              int moved = back == null ? row : back.source(row);
              return heads == null ? moved : heads.source().applyAsInt(moved);
            })
        .copy(rows, arena);
  }

  /** Rows [O, ..] of a layer in Hugging Face's order: a copy. */
  public Tensor toHub(Layer layer, Tensor rows, Arena arena) {
    RowOrder order = RowOrder.of(config, RopePairing.HALF_SPLIT, layer.name());
    RowMoves heads = byHead(layer) ? RowMoves.toHeads(rows.dim(0), heads()) : null;
    return new RowMoves(
            row -> {
              int moved = heads == null ? row : heads.source().applyAsInt(row);
              return order == null ? moved : order.source(moved);
            })
        .copy(rows, arena);
  }

  /** Rows [O, ..] of a layer from GGUF's order: a copy in the model's. */
  public Tensor fromGguf(Layer layer, Tensor rows, Arena arena) {
    RowOrder order = RowOrder.of(config, family.pairing(), layer.name());
    RowOrder back = order == null ? null : order.inverse();
    return new RowMoves(row -> back == null ? row : back.source(row)).copy(rows, arena);
  }

  /** Rows [O, ..] of a layer in GGUF's order: a copy. */
  public Tensor toGguf(Layer layer, Tensor rows, Arena arena) {
    RowOrder order = RowOrder.of(config, family.pairing(), layer.name());
    return new RowMoves(row -> order == null ? row : order.source(row)).copy(rows, arena);
  }

  /** Whether Hugging Face's layers of that part multiply from the right (GPT-2's Conv1D). */
  public boolean isTransposed(Layer layer) {
    return family.hub().layouts().get(layer.part()) == HubLayout.TRANSPOSED;
  }

  private boolean byHead(Layer layer) {
    return family.hub().layouts().get(layer.part()) == HubLayout.BY_HEAD;
  }

  private int heads() {
    return config.attention().heads();
  }
}
