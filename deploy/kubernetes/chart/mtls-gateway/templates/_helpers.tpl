{{- define "gw.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "gw.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "gw.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "gw.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gw.selector" -}}
app.kubernetes.io/name: {{ include "gw.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gw.labels" -}}
{{ include "gw.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: {{ .Values.mode }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "gw.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "gw.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "gw.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "gw.drainSeconds" -}}
{{- add (int .Values.drain.announceSeconds) (int .Values.drain.finishSeconds) -}}
{{- end -}}

{{- define "gw.graceSeconds" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{- add (include "gw.drainSeconds" . | int) 5 -}}
{{- else -}}
{{- int .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}

{{/* The name of the object that has a certificate or a CA: the one that exists, or the one that the chart makes. */}}
{{- define "gw.certificateSecret" -}}
{{- $entry := index .root.Values.certificates .name -}}
{{- default (printf "%s-certificate-%s" (include "gw.fullname" .root) .name) $entry.secret -}}
{{- end -}}

{{- define "gw.trustSource" -}}
{{- $made := printf "%s-trust-%s" (include "gw.fullname" .root) .name -}}
{{- if .source.configMap -}}
configMap:
  name: {{ .source.configMap }}
{{- else -}}
secret:
  name: {{ default $made .source.secret }}
{{- end }}
  items: [{key: {{ ternary .file (default .file .source.key) (hasKey .source "pem") }}, path: {{ .file }}}]
  # A missing file is the gateway's to report: it keeps what it has, and its metrics say so.
  optional: true
{{- end -}}

{{/* gateway.yaml: the operator's config with what the chart knows. */}}
{{- define "gw.config" -}}
{{- $values := .Values -}}
{{- $config := deepCopy $values.config -}}
{{- $https := dict "bind" (printf "%s:%d" $values.bindAddress (int $values.ports.https)) "name" "https" -}}
{{- $listeners := list $https -}}
{{- if $values.redirect.enabled -}}
{{- $bind := printf "%s:%d" $values.bindAddress (int $values.redirect.port) -}}
{{- $listeners = append $listeners (dict "bind" $bind "name" "redirect" "protocol" "http" "redirect_to_https" true) -}}
{{- end -}}
{{- $metrics := printf "%s:%d" $values.bindAddress (int $values.ports.metrics) -}}
{{- $_ := set $config "watch" true -}}
{{- $_ := set $config "listeners" $listeners -}}
{{- $_ := set $config "admin" (dict "socket" "/run/gatewayd/gatewayd.sock" "metrics" $metrics) -}}
{{- $timeouts := merge (dict "drain" (printf "%ds" (int $values.drain.finishSeconds))) (default dict $config.timeouts) -}}
{{- $_ := set $config "timeouts" $timeouts -}}
{{- $trust := dict -}}
{{- range $name, $entry := $values.trust -}}
{{- $folder := printf "/etc/gatewayd/trust/%s" $name -}}
{{- $set := merge (dict "ca" (printf "%s/ca.crt" $folder)) (default dict $entry.options) -}}
{{- if $entry.crl }}{{ $_ := set $set "crl" (printf "%s/ca.crl" $folder) }}{{ end -}}
{{- $_ := set $trust $name $set -}}
{{- end -}}
{{- if $trust }}{{ $_ := set $config "trust" $trust }}{{ end -}}
{{- toYaml $config -}}
{{- end -}}
