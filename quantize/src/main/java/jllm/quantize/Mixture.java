package jllm.quantize;

import static jllm.quantize.QuantizationType.IQ4_NL;
import static jllm.quantize.QuantizationType.IQ4_XS;
import static jllm.quantize.QuantizationType.Q2_K;
import static jllm.quantize.QuantizationType.Q3_K_L;
import static jllm.quantize.QuantizationType.Q3_K_M;
import static jllm.quantize.QuantizationType.Q3_K_S;
import static jllm.quantize.QuantizationType.Q4_K_M;
import static jllm.quantize.QuantizationType.Q4_K_S;
import static jllm.quantize.QuantizationType.Q5_K_M;

import java.util.EnumSet;
import java.util.Set;
import jllm.tensor.DType;

/**
 * The types of the matrices in the layers of a model. They are to be asked for in the order of the
 * layers: some rules count.
 */
final class Mixture {
  /** Types whose attention outputs get more bits in a model of 8 experts. */
  private static final Set<QuantizationType> MORE_FOR_EIGHT_EXPERTS =
      EnumSet.of(Q2_K, Q3_K_S, Q3_K_M, IQ4_NL, Q4_K_S, Q4_K_M, IQ4_XS);

  private final QuantizationType type;
  private final ModelTraits traits;
  private final boolean falcon;

  /** Value projections of the model, and those asked for so far. */
  private final int values;

  private int valuesSeen;
  private int downsSeen;

  Mixture(QuantizationType type, ModelTraits traits, int values) {
    this.type = type;
    this.traits = traits;
    this.falcon = traits.architecture().equals("falcon");
    this.values = values;
  }

  /** Whether a tensor holds value projections, alone or with others. */
  static boolean isValue(String name) {
    return name.contains("attn_v.weight")
        || name.contains("attn_qkv.weight")
        || name.contains("attn_kv_b.weight");
  }

  DType typeOf(String name) {
    if (name.contains("attn_v.weight")) {
      return value(valuesSeen++);
    }
    if (name.contains("attn_k.weight")) {
      return traits.experts() == 8 ? DType.Q8_0 : type.base();
    }
    if (name.contains("attn_q.weight")) {
      return type.base();
    }
    if (name.contains("ffn_down")) {
      int counted = downsSeen++;
      // Experts may have a tensor each.
      return down(traits.experts() > 1 ? Recipe.layer(name) : counted, traits.layers());
    }
    if (name.contains("attn_output.weight")) {
      return attentionOutput();
    }
    if (name.contains("attn_qkv.weight")) {
      return switch (type) {
        case Q3_K_M, Q3_K_L -> DType.Q4_K;
        case Q4_K_M -> DType.Q5_K;
        case Q5_K_M -> DType.Q6_K;
        default -> type.base();
      };
    }
    return type.base();
  }

  private DType value(int layer) {
    boolean shared = traits.queriesPerKey() >= 4;
    DType chosen =
        switch (type) {
          case Q2_K -> shared ? DType.Q4_K : DType.Q3_K;
          case Q3_K_M -> layer < 2 ? DType.Q5_K : DType.Q4_K;
          case Q3_K_L -> DType.Q5_K;
          case IQ4_NL, IQ4_XS -> shared ? DType.Q5_K : type.base();
          case Q4_K_M, Q5_K_M -> isSensitive(layer, values) ? DType.Q6_K : type.base();
          case Q4_K_S -> layer < 4 ? DType.Q5_K : type.base();
          default -> type.base();
        };
    if (traits.experts() == 8) {
      return DType.Q8_0;
    }
    boolean small = chosen == DType.Q3_K || chosen == DType.Q4_K;
    return small && traits.isSeventyBillion() ? DType.Q5_K : chosen;
  }

  private DType down(int layer, int layers) {
    boolean early = layer < layers / 8;
    return switch (type) {
      case Q2_K -> DType.Q3_K;
      case Q3_K_M -> {
        if (layer < layers / 16) {
          yield DType.Q5_K;
        }
        yield !falcon || isSensitive(layer, layers) ? DType.Q4_K : DType.Q3_K;
      }
      case Q3_K_L -> falcon ? DType.Q4_K : DType.Q5_K;
      case Q4_K_M -> {
        if (falcon && layer >= layers / 16) {
          yield isSensitive(layer, layers) ? DType.Q5_K : DType.Q4_K;
        }
        yield falcon || isSensitive(layer, layers) ? DType.Q6_K : DType.Q4_K;
      }
      case IQ4_NL, IQ4_XS -> early ? DType.Q5_K : type.base();
      case Q5_K_M -> isSensitive(layer, layers) ? DType.Q6_K : type.base();
      case Q4_K_S -> early && !falcon ? DType.Q5_K : type.base();
      default -> type.base();
    };
  }

  private DType attentionOutput() {
    if (falcon) {
      return type == Q3_K_L ? DType.Q4_K : type.base();
    }
    if (traits.experts() == 8) {
      return MORE_FOR_EIGHT_EXPERTS.contains(type) ? DType.Q5_K : type.base();
    }
    return switch (type) {
      case Q2_K -> DType.Q3_K;
      case Q3_K_M -> DType.Q4_K;
      case Q3_K_L -> DType.Q5_K;
      default -> type.base();
    };
  }

  /** The first and last eighth of the layers, and every third between. */
  private static boolean isSensitive(int layer, int layers) {
    return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
  }
}
