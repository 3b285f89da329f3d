/**
 * The contract suite: whoever writes a backend learns here whether it decides as every other one does.
 *
 * <p>Depend on this module in test scope, say once how your store is reached, and extend three classes:
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
 * The last is for stores that keep the places of limits like {@code 5 concurrent}; leave it out if yours does not. A
 * further class, {@link io.github.micronautratelimit.tck.FaultContract}, breaks the store in the ways that
 * {@link io.github.micronautratelimit.tck.FaultyStore} lists and looks at it from behind a guard. One more,
 * {@link io.github.micronautratelimit.tck.HotKeyContract}, sends a crowd after one key.
 *
 * <p>The suite consists of JUnit 5 tests and jqwik properties; both engines come with it. A property that fails prints
 * the seed to replay it with. If you want jqwik to keep no file of earlier runs, write {@code jqwik.database =} into
 * {@code junit-platform.properties} among your test resources.
 */
@NullMarked
package io.github.micronautratelimit.tck;

import org.jspecify.annotations.NullMarked;
