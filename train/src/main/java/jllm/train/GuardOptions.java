package jllm.train;

/**
 * What is done about steps that would spoil a model.
 *
 * @param maxNonFinite training ends after so many steps in a row whose loss or gradient is no
 *     finite number; each is left out
 * @param spikeDeviations a step whose loss is so many standard deviations above the mean of those
 *     before is left out; 0 = none is
 * @param spikeWindow how many losses back that mean reaches
 * @param detectAnomaly training ends at the first step whose loss or gradient is no finite number;
 *     it is computed again to find the operation that it began with
 */
public record GuardOptions(
    int maxNonFinite, double spikeDeviations, int spikeWindow, boolean detectAnomaly) {
  public static final GuardOptions USUAL = new GuardOptions(5, 0, 128, false);

  public GuardOptions {
    if (maxNonFinite < 1) {
      throw new SettingsException(
          "an end after " + maxNonFinite + " steps without a finite loss, expected at least 1");
    }
    if (!(spikeDeviations >= 0) || spikeWindow < 8) {
      throw new SettingsException(
          "spikes of %s deviations over %d losses; expected 0 (off) or more, over at least 8"
              .formatted(spikeDeviations, spikeWindow));
    }
  }
}
