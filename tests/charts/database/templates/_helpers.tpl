{{- define "database.labels" -}}
app.kubernetes.io/name: database
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "database.members" -}}
{{- $name := printf "%s-database" .Release.Name -}}
{{- $members := list -}}
{{- range $i := until (int .Values.replicas) -}}
{{- $members = append $members (printf "%s-%d=http://%s-%d.%s-peers.%s.svc.cluster.local:2380" $name $i $name $i $name $.Release.Namespace) -}}
{{- end -}}
{{- join "," $members -}}
{{- end }}
