{{/* What the schema can't see. Each breach ends the rendering with a sentence that says what to do. */}}
{{- define "gw.validate" -}}
{{- range $key := list "listeners" "trust" "admin" "watch" -}}
{{- if hasKey $.Values.config $key -}}
{{- fail (printf "config.%s: the chart writes this part of gateway.yaml; use the values ports, redirect, trust and certificates instead" $key) -}}
{{- end -}}
{{- end -}}
{{- if hasKey (default dict .Values.config.timeouts) "drain" -}}
{{- fail "config.timeouts.drain: set drain.finishSeconds instead, from which the pod's grace period is computed" -}}
{{- end -}}
{{- if not .Values.config.virtual_hosts -}}
{{- fail "config.virtual_hosts: name at least one virtual host; deploy/kubernetes/README.md has an example" -}}
{{- end -}}
{{- if le (include "gw.graceSeconds" . | int) (include "gw.drainSeconds" . | int) -}}
{{- fail (printf "terminationGracePeriodSeconds: %s is not more than drain.announceSeconds + drain.finishSeconds = %s: the kubelet would kill requests in flight" (include "gw.graceSeconds" .) (include "gw.drainSeconds" .)) -}}
{{- end -}}
{{- include "gw.validateCertificates" . -}}
{{- range $host := .Values.config.virtual_hosts -}}
{{- include "gw.validateHost" (dict "root" $ "host" $host) -}}
{{- end -}}
{{- include "gw.validatePorts" . -}}
{{- include "gw.validateMode" . -}}
{{- end -}}

{{- define "gw.validateCertificates" -}}
{{- range $name, $entry := .Values.certificates -}}
{{- $inline := and $entry.certificate $entry.key -}}
{{- if and $entry.secret (or $entry.certificate $entry.key) -}}
{{- fail (printf "certificates.%s: either the name of a TLS Secret in `secret`, or `certificate` and `key`, not both" $name) -}}
{{- else if not (or $entry.secret $inline) -}}
{{- fail (printf "certificates.%s: needs the name of a TLS Secret in `secret` (or, for a trial, PEM in `certificate` and `key`)" $name) -}}
{{- end -}}
{{- end -}}
{{- range $name, $entry := .Values.trust -}}
{{- if not $entry.ca -}}
{{- fail (printf "trust.%s.ca: needs the CA of the clients: `secret`, `configMap` or `pem`" $name) -}}
{{- end -}}
{{- range $part, $source := pick $entry "ca" "crl" -}}
{{- $given := len (compact (list $source.secret $source.configMap $source.pem)) -}}
{{- if ne $given 1 -}}
{{- fail (printf "trust.%s.%s: needs exactly one of `secret`, `configMap` and `pem`" $name $part) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "gw.validateHost" -}}
{{- $name := default (first (default (list "(unnamed)") .host.hosts)) .host.name -}}
{{- $tls := default dict .host.tls -}}
{{- if $tls -}}
{{- $mode := toString (ternary $tls.client_auth "strict" (hasKey $tls "client_auth")) -}}
{{- if not (has $mode (list "off" "false")) -}}
{{- if not $tls.trust -}}
{{- fail (printf "virtual host %s: client_auth is %s, but no trust set says whose clients it admits; set tls.trust" $name $mode) -}}
{{- else if not (hasKey .root.Values.trust $tls.trust) -}}
{{- fail (printf "virtual host %s: tls.trust names %s, which is none of the value `trust`" $name $tls.trust) -}}
{{- end -}}
{{- end -}}
{{- range $key := list "certificate" "key" -}}
{{- $path := toString (index $tls $key) -}}
{{- if hasPrefix "/etc/gatewayd/certificates/" $path -}}
{{- $entry := index (splitList "/" $path) 4 -}}
{{- if not (hasKey $.root.Values.certificates $entry) -}}
{{- fail (printf "virtual host %s: tls.%s is %s, but the value `certificates` has no entry %s" $name $key $path $entry) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "gw.validatePorts" -}}
{{- $ports := list (int .Values.ports.https) (int .Values.ports.metrics) -}}
{{- if .Values.redirect.enabled }}{{ $ports = append $ports (int .Values.redirect.port) }}{{ end -}}
{{- if ne (len (uniq $ports)) (len $ports) -}}
{{- fail "ports.https, ports.metrics and redirect.port must differ" -}}
{{- end -}}
{{- if and .Values.podDisruptionBudget.enabled (not (kindIs "invalid" .Values.podDisruptionBudget.minAvailable)) (not (kindIs "invalid" .Values.podDisruptionBudget.maxUnavailable)) -}}
{{- fail "podDisruptionBudget: either minAvailable or maxUnavailable; set the other one to null" -}}
{{- end -}}
{{- end -}}

{{- define "gw.validateMode" -}}
{{- $container := default dict .Values.sidecar.container -}}
{{- if eq .Values.mode "sidecar" -}}
{{- if not (and $container.name $container.image) -}}
{{- fail "sidecar.container: mode sidecar needs the API's container with a name and an image" -}}
{{- end -}}
{{- if eq $container.name "gateway" -}}
{{- fail "sidecar.container.name: gateway is the name of the gateway's own container" -}}
{{- end -}}
{{- if $container.ports -}}
{{- fail "sidecar.container.ports: the API must listen on loopback only, behind the gateway; it has no port of its own to name" -}}
{{- end -}}
{{- range $probe := list "livenessProbe" "readinessProbe" "startupProbe" -}}
{{- $does := default dict (index $container $probe) -}}
{{- if or $does.httpGet $does.tcpSocket $does.grpc -}}
{{- fail (printf "sidecar.container.%s: the kubelet can't reach an API on loopback; use exec, or the upstream's health_check" $probe) -}}
{{- end -}}
{{- end -}}
{{- range $name, $upstream := default dict .Values.config.upstreams -}}
{{- range $endpoint := $upstream.endpoints -}}
{{- if not (regexMatch "^(127\\.|\\[::1\\]:|unix:)" (toString $endpoint)) -}}
{{- fail (printf "upstream %s: %s is not on this pod's loopback; mode sidecar serves the API of its own pod (127.0.0.1:PORT)" $name $endpoint) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- else -}}
{{- if $container -}}
{{- fail "sidecar.container: set, but mode is edge; set mode: sidecar" -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled .Values.config.upstreams (not .Values.networkPolicy.upstreams) -}}
{{- fail "networkPolicy.upstreams: say with egress rules where the upstreams are, or set networkPolicy.enabled: false" -}}
{{- end -}}
{{- end -}}
{{- end -}}
