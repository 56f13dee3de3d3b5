# Three images from one file, with nothing but Debian's packages in them:
#   quern      the service                             docker build --target quern .
#   nginx      TLS and static files in front of it     docker build --target nginx .
#   postgres   the platform database                   docker build --target postgres .
# None runs as root, and each runs with a read-only root file system. docker-compose.yml puts them together.
# Numbers of accounts are fixed, because volumes outlive images.

FROM debian:12-slim AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		gcc libc6-dev make pkg-config libcurl4-openssl-dev libjson-c-dev libmd4c-dev \
		libpg-query-dev libpq-dev libprotobuf-c-dev libsodium-dev libxlsxwriter-dev zlib1g-dev nodejs npm && \
	rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Makefile ./
COPY app app
RUN make -j"$(nproc)" build/quern
COPY static static
RUN make static
COPY templates templates
COPY nginx nginx
COPY sql sql
COPY examples examples
RUN make install DESTDIR=/out PREFIX=/usr/local


FROM debian:12-slim AS quern
# libfcgi-bin asks the workers for their health, over the same socket as nginx. Sockets get the group of their
# directory, so that nginx may open them and nobody else.
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		ca-certificates libcurl4 libfcgi-bin libjson-c5 libmd4c0 libpg-query1504.0 libpq5 \
		libsodium23 libxlsxwriter4 && \
	rm -rf /var/lib/apt/lists/* && \
	groupadd --gid 10001 quern && \
	useradd --uid 10001 --gid quern --no-create-home --home-dir / --shell /usr/sbin/nologin quern && \
	install -d -o quern -g www-data -m 2750 /run/quern
COPY --from=build /out/usr/local /usr/local
ENV QUERN_TEMPLATES=/usr/local/share/quern/templates \
	QUERN_MIGRATIONS=/usr/local/share/quern/sql \
	QUERN_STATIC=/usr/local/share/quern/static \
	QUERN_WEB_SOCKET=/run/quern/web.sock \
	QUERN_AGENT_SOCKET=/run/quern/agent.sock
WORKDIR /
USER quern
CMD ["quern", "serve"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD \
	env -i QUERN_SECRET="$QUERN_FASTCGI_SECRET" REQUEST_METHOD=GET QUERN_URI=/health DOCUMENT_URI=/health \
		/usr/bin/cgi-fcgi -bind -connect "$QUERN_WEB_SOCKET" | grep -q '"ok":true'


FROM quern AS nginx
USER root
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		curl nginx openssl && \
	rm -rf /var/lib/apt/lists/* && \
	install -d -o www-data -g www-data -m 700 /run/nginx && \
	install -d /tls
COPY deploy/docker/start-nginx /usr/local/bin/
USER www-data
EXPOSE 8443
STOPSIGNAL SIGQUIT
CMD ["start-nginx"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=40s CMD \
	curl -fsk -o /dev/null https://127.0.0.1:8443/static/icon.svg


FROM debian:12-slim AS postgres
RUN groupadd --gid 10003 postgres && \
	useradd --uid 10003 --gid postgres --no-create-home --home-dir /var/lib/postgresql \
		--shell /usr/sbin/nologin postgres && \
	mkdir /etc/postgresql-common && \
	echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf && \
	apt-get update && DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get install -y \
		--no-install-recommends -o Dpkg::Options::=--force-confold postgresql-15 && \
	rm -rf /var/lib/apt/lists/* && \
	install -d -o postgres -g postgres -m 700 /var/lib/postgresql && \
	install -d -o postgres -g postgres -m 750 /run/postgresql
COPY deploy/docker/start-postgres /usr/local/bin/
USER postgres
VOLUME /var/lib/postgresql
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["start-postgres"]
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD pg_isready -q -d quern
