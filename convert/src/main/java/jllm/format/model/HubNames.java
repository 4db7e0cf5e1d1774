package jllm.format.model;

import java.util.Map;
import java.util.Set;

/**
 * The tensor names of a family in Hugging Face files, by our names. Those of a block come after
 * {@code blockPrefix} and the number of the layer; {@code *} stands for the number of an expert.
 *
 * @param model by our names without suffix
 * @param block by our names of the parts of a block
 * @param transposed parts whose matrices are stored [I, O]
 * @param normsLessOne whether norm weights are stored as their difference from 1
 */
record HubNames(
    String blockPrefix,
    Map<String, String> model,
    Map<String, String> block,
    Set<String> transposed,
    boolean normsLessOne) {}
