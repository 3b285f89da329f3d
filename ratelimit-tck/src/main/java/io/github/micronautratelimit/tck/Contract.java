package io.github.micronautratelimit.tck;

/** A part of the contract: test cases about one topic. */
interface Contract {

    /**
     * Creates the fixture of one test case.
     *
     * @return a new fixture; the caller closes it
     */
    TestCase newTestCase();
}
