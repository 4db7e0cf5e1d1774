/**
 * Corpora as streams of documents: plain text and JSON lines, in files, folders, compressed files
 * and archives, checked to be UTF-8 and never held whole. What is done with the documents (counting
 * words, writing token shards) lives elsewhere.
 */
@NullMarked
package jllm.tokenize.corpus;

import org.jspecify.annotations.NullMarked;
