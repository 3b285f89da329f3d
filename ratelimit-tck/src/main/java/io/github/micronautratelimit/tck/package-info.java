/**
 * The contract suite, which checks that a backend decides like all others.
 *
 * <p>Depend on this module in test scope, implement the access to your store once, and extend three classes:
 * <pre>{@code
 * class MyStore implements BackendUnderTest {
 *     public RateLimitBackend connect(MicroClock clock) { return new MyBackend(client, clock); }
 *     public long roundTrips() { return client.messagesSent(); }
 *     public long roundTripsPerDecision() { return 1; }
 *     public long liveKeys() { return client.size(); }
 * }
 * class MyBackendContractTest extends RateLimitBackendContract {
 *     protected BackendUnderTest open() { return new MyStore(); }
 * }
 * class MyGoldenTraceTest extends GoldenTraceContract {
 *     protected BackendUnderTest open() { return new MyStore(); }
 * }
 * class MyLeaseTest extends LeaseContract {
 *     protected BackendUnderTest open() { return new MyStore(); }
 * }
 * }</pre>
 * The last class is for stores that support limits like {@code 5 concurrent}; omit it if yours does not.
 * {@link io.github.micronautratelimit.tck.FaultContract} breaks the store in the ways of
 * {@link io.github.micronautratelimit.tck.FaultyStore} and checks the decisions of a guard in front of it.
 * {@link io.github.micronautratelimit.tck.HotKeyContract} sends the requests of many callers to one key.
 *
 * <p>The suite consists of JUnit 5 tests and jqwik properties, and brings both engines. A property that fails prints
 * the seed to repeat it. jqwik keeps a file about earlier runs. To prevent this, put {@code jqwik.database =} into
 * {@code junit-platform.properties} in your test resources.
 */
@NullMarked
package io.github.micronautratelimit.tck;

import org.jspecify.annotations.NullMarked;
