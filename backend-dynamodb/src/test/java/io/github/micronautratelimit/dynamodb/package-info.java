@NullMarked
package io.github.micronautratelimit.dynamodb;

import org.jspecify.annotations.NullMarked;
