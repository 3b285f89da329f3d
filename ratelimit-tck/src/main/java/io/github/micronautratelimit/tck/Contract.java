package io.github.micronautratelimit.tck;

/** A part of the contract: test cases about one idea. */
interface Contract {

    /**
     * Opens the store under test for one test case.
     *
     * @return a new trial; the caller closes it
     */
    Trial trial();
}
