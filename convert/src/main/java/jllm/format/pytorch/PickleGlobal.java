package jllm.format.pytorch;

import org.jspecify.annotations.Nullable;

/** What a pickle may name: nothing that could be run, but the words for tensors. */
sealed interface PickleGlobal permits StorageType, PickleGlobal.Function {

  /** What a pickle may call. */
  enum Function implements PickleGlobal {
    ORDERED_DICT,
    REBUILD_TENSOR,
    REBUILD_PARAMETER,
    SIZE
  }

  /** What a name stands for, absent if it is not allowed. */
  static @Nullable PickleGlobal of(String module, String name) {
    return switch (module + " " + name) {
      case "collections OrderedDict" -> Function.ORDERED_DICT;
      case "torch._utils _rebuild_tensor_v2" -> Function.REBUILD_TENSOR;
      case "torch._utils _rebuild_parameter" -> Function.REBUILD_PARAMETER;
      case "torch Size" -> Function.SIZE;
      default -> module.equals("torch") ? storage(name) : null;
    };
  }

  private static @Nullable PickleGlobal storage(String name) {
    for (StorageType type : StorageType.values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    return null;
  }
}
