package io.github.micronautratelimit.servlet;

import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.Servlet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;
import org.apache.catalina.Context;
import org.apache.catalina.Wrapper;
import org.apache.catalina.startup.Tomcat;
import org.apache.coyote.http2.Http2Protocol;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;

/** Runs the filter in Tomcat. */
class TomcatTest extends FilterContract {

    @Override
    Container container() {
        return new EmbeddedTomcat();
    }

    private static final class EmbeddedTomcat implements Container {

        private final Tomcat tomcat = new Tomcat();
        private final Path directory = directory();

        private static Path directory() {
            try {
                return Files.createTempDirectory("tomcat");
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void start(Filter filter, Servlet servlet, boolean async, String address) throws Exception {
            tomcat.setBaseDir(directory.toString());
            tomcat.setHostname("localhost");
            tomcat.setPort(0);
            tomcat.getConnector().setProperty("address", address);
            tomcat.getConnector().addUpgradeProtocol(new Http2Protocol());
            tomcat.getConnector().setEncodedSolidusHandling("decode");
            tomcat.getConnector().setAllowBackslash(true);
            Context context = tomcat.addContext(CONTEXT, null);
            FilterDef definition = new FilterDef();
            definition.setFilterName("limits");
            definition.setFilter(filter);
            definition.setAsyncSupported(Boolean.toString(async));
            context.addFilterDef(definition);
            FilterMap map = new FilterMap();
            map.setFilterName("limits");
            map.addURLPattern("/*");
            for (DispatcherType type : DispatcherType.values()) {
                map.setDispatcher(type.name());
            }
            context.addFilterMap(map);
            Wrapper wrapper = Tomcat.addServlet(context, "echo", servlet);
            wrapper.setAsyncSupported(true);
            context.addServletMappingDecoded("/*", "echo");
            tomcat.start();
        }

        @Override
        public int port() {
            return tomcat.getConnector().getLocalPort();
        }

        @Override
        public void stop() throws Exception {
            tomcat.stop();
            tomcat.destroy();
            try (Stream<Path> files = Files.walk(directory)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}
