package jllm.tokenize.corpus;

import java.util.List;

/**
 * What was read from a corpus.
 *
 * @param sources one a file, in the order of reading
 * @param complete whether all was read; false if the sink ended the reading
 */
public record CorpusSummary(List<SourceSummary> sources, boolean complete) {

  public CorpusSummary {
    sources = List.copyOf(sources);
  }

  public long documents() {
    return sources.stream().mapToLong(SourceSummary::documents).sum();
  }

  public long textBytes() {
    return sources.stream().mapToLong(SourceSummary::textBytes).sum();
  }

  public long skipped() {
    return sources.stream().mapToLong(SourceSummary::skipped).sum();
  }
}
