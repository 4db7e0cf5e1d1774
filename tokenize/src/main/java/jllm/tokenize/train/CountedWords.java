package jllm.tokenize.train;

import java.util.List;
import jllm.tokenize.corpus.CorpusSummary;

/**
 * The words of a corpus.
 *
 * @param words with their counts
 * @param corpus what was read
 * @param textBytes the bytes that were counted, fewer than were read where documents are capped
 * @param dropped what the cap on distinct words cost
 * @param sample a part of the text
 */
record CountedWords(
    WordCounts words,
    CorpusSummary corpus,
    long textBytes,
    DroppedWords dropped,
    List<byte[]> sample) {}
