/** Compares the cost of a decision on DynamoDB with reading the state and replacing it. */
@NullMarked
package io.github.micronautratelimit.benchmarks.dynamodb;

import org.jspecify.annotations.NullMarked;
