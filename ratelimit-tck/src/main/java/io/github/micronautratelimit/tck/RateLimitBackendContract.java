package io.github.micronautratelimit.tck;

/**
 * What every backend must keep to: extend this class, say how the store is reached, and run it.
 *
 * <p>Its test cases are grouped by idea, each group an interface of its own: who is granted and who is denied, by many
 * callers at once and after any history; how long a denied caller waits; looking, giving back, forgetting and expiry; blocks;
 * limits that change; clocks that disagree; odd numbers; strange keys and costs; several requests of one key; and
 * requests under several policies. That the same numbers come out as everywhere else, the recorded traces of
 * {@link GoldenTraceContract} tell.
 */
public abstract class RateLimitBackendContract implements AdmissionContract, DenialContract,
        KeyStateContract, BlockContract, LimitChangeContract, ClockContract, KeyContract, ModelContract, ExactnessContract,
        RoundTripContract, SeveralRequestsContract, SeveralPoliciesContract {

    /** For subclasses. */
    protected RateLimitBackendContract() {
    }

    /**
     * Opens the store under test.
     *
     * @return a new instance; the test case closes it
     */
    protected abstract BackendUnderTest open();

    @Override
    public final Trial trial() {
        return new Trial(open());
    }
}
