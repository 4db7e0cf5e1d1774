/**
 * The command line: {@link jllm.cli.Main}, one command a class, options shared as mixins, and the
 * only place that writes to standard output, sets exit codes or knows picocli. Commands hold no
 * logic: what they do lives in the libraries.
 */
@NullMarked
package jllm.cli;

import org.jspecify.annotations.NullMarked;
