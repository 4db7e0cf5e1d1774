package jllm.format.pytorch;

import java.util.List;

/**
 * A tensor as a pickle describes it: a view of a storage. Numbers are as in the file, not checked.
 *
 * @param offset of the first element in the storage
 * @param sizes of its dimensions; none for a scalar
 * @param strides elements from one index to the next, as many
 */
record PickledTensor(Storage storage, long offset, List<Long> sizes, List<Long> strides) {

  /**
   * A run of elements.
   *
   * @param key the name of its data in the archive
   * @param elements it should have
   */
  record Storage(StorageType type, String key, long elements) {}
}
