package jllm.tokenize.corpus;

/**
 * A document, or a part of one that is too long to be held. The bytes belong to the receiver.
 *
 * @param bytes valid UTF-8 that begins and ends between characters; empty only as the end of a
 *     document that came in parts
 * @param first whether a document begins here
 * @param last whether the document ends here
 * @param position how many bytes of the corpus, as it lies on disk, have been read so far
 */
public record Chunk(byte[] bytes, boolean first, boolean last, long position) {}
