/** What a decision costs on DynamoDB, beside reading the state and swapping it. */
@NullMarked
package io.github.micronautratelimit.benchmarks.dynamodb;

import org.jspecify.annotations.NullMarked;
