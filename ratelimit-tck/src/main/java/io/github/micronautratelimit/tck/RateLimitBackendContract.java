package io.github.micronautratelimit.tck;

/**
 * What every backend must keep to.
 */
public abstract class RateLimitBackendContract implements AdmissionContract, DenialContract {

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
