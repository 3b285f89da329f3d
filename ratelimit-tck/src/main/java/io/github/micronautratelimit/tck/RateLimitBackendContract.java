package io.github.micronautratelimit.tck;

/**
 * The contract of every backend. To test a backend, extend this class and open its store.
 *
 * <p>Each topic is an interface with test cases: grants and denials for concurrent callers and after any history; times
 * to wait; peek, refund, reset and expiry; blocks; charges by outcome, charges that are given back later, reservations;
 * changed limits; calendar quotas; usage; clocks that differ; extreme numbers; unusual keys and costs; several requests
 * on one key; requests under several policies; callers that wait; limits on trial; texts that all
 * instances share; concurrent calls of every kind.
 * {@link GoldenTraceContract} compares decisions with recorded ones.
 */
public abstract class RateLimitBackendContract
        implements AdmissionContract,
                DenialContract,
                KeyStateContract,
                BlockContract,
                OutcomeContract,
                ChargeContract,
                ReservationContract,
                LimitChangeContract,
                CalendarContract,
                UsageContract,
                ClockContract,
                KeyContract,
                ModelContract,
                ExactnessContract,
                LinearizabilityContract,
                RoundTripContract,
                BatchContract,
                SeveralPoliciesContract,
                WaitingContract,
                TrialContract,
                SharedRecordContract,
                GenerationContract {

    /** Creates the suite. */
    protected RateLimitBackendContract() {}

    /**
     * Opens the store under test.
     *
     * @return a new instance; the test case closes it
     */
    protected abstract BackendUnderTest open();

    @Override
    public final TestCase newTestCase() {
        return new TestCase(open());
    }
}
