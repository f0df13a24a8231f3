{{- /* Names and labels. A release called thinkgate gives the names of the plain manifests. */ -}}
{{- define "thinkgate.name" -}}
{{- if contains "thinkgate" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}-thinkgate{{ end }}
{{- end -}}
{{- define "thinkgate.selector" -}}
app.kubernetes.io/name: thinkgate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- define "thinkgate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end -}}
{{- define "thinkgate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}
