package jllm.format.model;

import java.util.Map;
import java.util.Set;

/**
 * What the Hugging Face files of a family look like: tensor names by our names, and how the tensors
 * are stored. The names of a block come after {@code blockPrefix} and the number of the layer;
 * {@code *} stands for the number of an expert.
 *
 * @param model by our names without suffix
 * @param block by our names of the parts of a block
 * @param transposed parts whose matrices are stored [I, O]
 * @param normsLessOne whether norm weights are stored as their difference from 1
 * @param activationKey what the configuration calls the activation
 * @param tied whether embedding and output layer are shared unless the configuration says otherwise
 */
record HubFormat(
    String blockPrefix,
    Map<String, String> model,
    Map<String, String> block,
    Set<String> transposed,
    boolean normsLessOne,
    String activationKey,
    boolean tied) {}
