package io.github.micronautratelimit.servlet;

import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.Servlet;
import java.util.EnumSet;
import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/** Runs the filter in Jetty 12. */
class JettyTest extends FilterContract {

    @Override
    Container container() {
        return new Jetty();
    }

    private static final class Jetty implements Container {

        private final Server server = new Server();

        @Override
        public void start(Filter filter, Servlet servlet, boolean async, String address) throws Exception {
            HttpConfiguration configuration = new HttpConfiguration();
            configuration.setUriCompliance(UriCompliance.UNSAFE);
            ServerConnector connector = new ServerConnector(
                    server, new HttpConnectionFactory(configuration), new HTTP2CServerConnectionFactory(configuration));
            connector.setHost(address);
            server.addConnector(connector);
            ServletContextHandler context = new ServletContextHandler(CONTEXT);
            context.getServletHandler().setDecodeAmbiguousURIs(true);
            FilterHolder filterHolder = new FilterHolder(filter);
            filterHolder.setAsyncSupported(async);
            context.addFilter(
                    filterHolder,
                    "/*",
                    EnumSet.of(
                            DispatcherType.REQUEST,
                            DispatcherType.ASYNC,
                            DispatcherType.FORWARD,
                            DispatcherType.INCLUDE,
                            DispatcherType.ERROR));
            ServletHolder servletHolder = new ServletHolder(servlet);
            servletHolder.setAsyncSupported(true);
            context.addServlet(servletHolder, "/*");
            server.setHandler(context);
            server.start();
        }

        @Override
        public int port() {
            return ((ServerConnector) server.getConnectors()[0]).getLocalPort();
        }

        @Override
        public void stop() throws Exception {
            server.stop();
        }
    }
}
