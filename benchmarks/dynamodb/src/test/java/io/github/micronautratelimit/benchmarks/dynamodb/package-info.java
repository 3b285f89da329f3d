@NullMarked
package io.github.micronautratelimit.benchmarks.dynamodb;

import org.jspecify.annotations.NullMarked;
