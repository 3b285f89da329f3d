/** Tests of limits on Kafka listeners with a real broker. */
@NullMarked
package io.github.micronautratelimit.kafka;

import org.jspecify.annotations.NullMarked;
