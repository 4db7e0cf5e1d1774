package jllm.tokenize.shard;

import java.util.List;
import jllm.tokenize.corpus.CorpusSummary;

/**
 * What was written.
 *
 * @param format of the files
 * @param corpus what was read
 * @param trainTokens in the training split, separators included
 * @param valTokens in the validation split, separators included
 * @param files all files but the manifest
 */
public record ShardReport(
    ShardFormat format,
    CorpusSummary corpus,
    long trainTokens,
    long valTokens,
    List<String> files) {

  public ShardReport {
    files = List.copyOf(files);
  }
}
