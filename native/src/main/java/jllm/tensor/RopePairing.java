package jllm.tensor;

/**
 * Which two components of a head form the pair that rotary position embedding turns (Su et al.
 * 2021, section 3.2).
 */
public enum RopePairing {
  /** Components 2i and 2i+1: the paper's layout, and that of Llama tensors in GGUF files. */
  INTERLEAVED,
  /**
   * Components i and i + R/2 of the R rotary ones: the layout of GPT-NeoX and of Hugging Face
   * models.
   */
  HALF_SPLIT
}
