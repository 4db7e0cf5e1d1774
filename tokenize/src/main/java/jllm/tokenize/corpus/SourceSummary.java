package jllm.tokenize.corpus;

import org.jspecify.annotations.Nullable;

/**
 * What was read from one file.
 *
 * @param name of the file
 * @param bytes its size as it lies on disk, as far as it was read
 * @param sha256 of the file in lower-case hexadecimal, or null if it was not asked for or the file
 *     was not read to its end
 * @param documents given to the sink
 * @param textBytes their UTF-8 bytes
 * @param skipped broken documents that were left out
 */
public record SourceSummary(
    String name,
    long bytes,
    @Nullable String sha256,
    long documents,
    long textBytes,
    long skipped) {}
