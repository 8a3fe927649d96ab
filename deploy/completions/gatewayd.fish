# fish completion for gatewayd
complete -c gatewayd -f
complete -c gatewayd -s c -l config -r -F -d 'The config file'
complete -c gatewayd -l check -d 'Check the config, say what it means, and end'
complete -c gatewayd -l version -d 'Print the versions of gatewayd and its libraries'
complete -c gatewayd -l json -d 'With --version: one JSON document'
complete -c gatewayd -s h -l help -d 'Print the options'
