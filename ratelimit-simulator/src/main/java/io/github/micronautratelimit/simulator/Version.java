package io.github.micronautratelimit.simulator;

import picocli.CommandLine;

/** The version in the manifest of the jar. */
final class Version implements CommandLine.IVersionProvider {

    @Override
    public String[] getVersion() {
        String version = Version.class.getPackage().getImplementationVersion();
        return new String[] {"ratelimit-simulator " + (version == null ? "of a build without version" : version)};
    }
}
