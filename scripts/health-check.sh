#!/bin/bash
# Health check of the image: 0 when the node of this container is ready. Bash asks by itself: to start Node for each check costs fifty times
# as much as the check. Only HTTPS needs Node.
case $APP in lock) port=8001 ;; queue) port=8004 ;; cache) port=8007 ;; esac
port=${PORT:-$port}

if [ -n "$TLS_CERT" ]; then
  exec node -e "
    require('https')
      .get({ port: $port, path: '/health/ready', rejectUnauthorized: false }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
      .on('error', () => process.exit(1))"
fi

exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
printf 'GET /health/ready HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r -t 3 _ status _ <&3
[ "$status" = 200 ]
