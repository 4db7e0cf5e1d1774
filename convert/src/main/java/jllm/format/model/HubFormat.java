package jllm.format.model;

import java.util.Map;

/**
 * What the Hugging Face files of a family look like: tensor names by our names, and how the tensors
 * are stored. The names of a block come after {@code blockPrefix} and the number of the layer;
 * {@code *} stands for the number of an expert.
 *
 * @param model by our names without suffix
 * @param block by our names of the parts of a block
 * @param layouts by our names without suffix, of what is not stored as we have it
 * @param activationKey what the configuration calls the activation
 * @param tied whether embedding and output layer are shared unless the configuration says otherwise
 * @param rotaryShare the share of a head's components that rotary embedding turns, likewise
 */
record HubFormat(
    String blockPrefix,
    Map<String, String> model,
    Map<String, String> block,
    Map<String, HubLayout> layouts,
    String activationKey,
    boolean tied,
    double rotaryShare) {

  /** How the weights of that name of ours are stored. */
  HubLayout layout(HubNames.Parts name) {
    return layouts.getOrDefault(name.part(), HubLayout.AS_IS);
  }
}
