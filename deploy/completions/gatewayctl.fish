# fish completion for gatewayctl
set -l commands reload check status health drain revoke pki version
set -l pki init issue export revoke crl list
set -l in_pki '__fish_seen_subcommand_from pki'
set -l before "not __fish_seen_subcommand_from $commands"
set -l before_pki "$in_pki; and not __fish_seen_subcommand_from $pki"

complete -c gatewayctl -f
complete -c gatewayctl -s h -l help -d 'Print the options'
complete -c gatewayctl -l json -d 'Print one JSON document'
complete -c gatewayctl -l socket -r -F -d 'Admin socket of gatewayd'

complete -c gatewayctl -n $before -a reload -d 'Let gatewayd take its config anew'
complete -c gatewayctl -n $before -a check -d 'Check a config as gatewayd would, without a daemon'
complete -c gatewayctl -n $before -a status -d 'Show what gatewayd does'
complete -c gatewayctl -n $before -a health -d 'Succeed if gatewayd is ready to serve'
complete -c gatewayctl -n $before -a drain -d 'Announce the end of gatewayd'
complete -c gatewayctl -n $before -a revoke -d 'Revoke a certificate at once, in an emergency'
complete -c gatewayctl -n $before -a pki -d 'A small certificate authority'
complete -c gatewayctl -n $before -a version -d 'Print versions'

complete -c gatewayctl -n '__fish_seen_subcommand_from reload status health drain version' -l timeout -x -d 'How long to wait for the daemon'
complete -c gatewayctl -n '__fish_seen_subcommand_from reload' -l wait -d 'Wait until all workers have taken it'
complete -c gatewayctl -n '__fish_seen_subcommand_from drain' -l wait -x -d 'Then wait so long'
complete -c gatewayctl -n '__fish_seen_subcommand_from check' -F

set -l revoke "not $in_pki; and __fish_seen_subcommand_from revoke"
complete -c gatewayctl -n $revoke -l timeout -x -d 'How long to wait for the daemon'
complete -c gatewayctl -n $revoke -l fingerprint -x -d 'SHA-256 of the certificate, a CA\'s too'
complete -c gatewayctl -n $revoke -l serial -x -d 'Its serial number in hex'
complete -c gatewayctl -n $revoke -l issuer -x -d 'Who issued the certificate of that serial number'
complete -c gatewayctl -n $revoke -l comment -x -d 'Why'
complete -c gatewayctl -n $revoke -l remove -d 'Take the revocation back'
complete -c gatewayctl -n $revoke -l list -d 'Show what is revoked so'

complete -c gatewayctl -n $before_pki -a init -d 'Make a certificate authority in a folder'
complete -c gatewayctl -n $before_pki -a issue -d 'Make a key and a certificate'
complete -c gatewayctl -n $before_pki -a export -d 'Bundle a certificate with its key'
complete -c gatewayctl -n $before_pki -a revoke -d 'Revoke a certificate and write a new CRL'
complete -c gatewayctl -n $before_pki -a crl -d 'Write a new CRL'
complete -c gatewayctl -n $before_pki -a list -d 'List the certificates'
complete -c gatewayctl -n "$in_pki; and __fish_seen_subcommand_from $pki" -F

set -l made "$in_pki; and __fish_seen_subcommand_from init issue"
complete -c gatewayctl -n $made -l cn -x -d 'Common name'
complete -c gatewayctl -n $made -l o -x -d Organization
complete -c gatewayctl -n $made -l ou -x -d 'Organizational unit'
complete -c gatewayctl -n $made -l key-type -x -a 'ecdsa-p256 ecdsa-p384 rsa-2048 rsa-3072 rsa-4096 ed25519' -d 'Kind of key'
complete -c gatewayctl -n $made -l not-before -x -d 'Valid from (UTC)'
complete -c gatewayctl -n $made -l not-after -x -d 'Valid until (UTC)'
complete -c gatewayctl -n "$in_pki; and __fish_seen_subcommand_from init issue revoke crl" -l days -x -d 'Valid for so many days'

set -l init "$in_pki; and __fish_seen_subcommand_from init"
complete -c gatewayctl -n $init -l crl-days -x -d 'Validity of the first CRL'
complete -c gatewayctl -n $init -l parent -x -a '(__fish_complete_directories)' -d 'Sign by the authority in this folder'
complete -c gatewayctl -n $init -l path-length -x -d 'How many authorities may follow below'

set -l issue "$in_pki; and __fish_seen_subcommand_from issue"
complete -c gatewayctl -n $issue -l server -d 'For a server'
complete -c gatewayctl -n $issue -l client -d 'For a client'
complete -c gatewayctl -n $issue -l dns -x -d 'DNS name'
complete -c gatewayctl -n $issue -l uri -x -d URI
complete -c gatewayctl -n $issue -l email -x -d 'E-mail address'
complete -c gatewayctl -n $issue -l ip -x -d 'IP address'

set -l bundle "$in_pki; and __fish_seen_subcommand_from issue export"
complete -c gatewayctl -n $bundle -l pkcs12 -F -d 'Write a PKCS#12 bundle'
complete -c gatewayctl -n $bundle -l password-file -r -F -d 'File with the password, - for standard input'
complete -c gatewayctl -n $bundle -l legacy -d '3DES and SHA-1, for old importers'

complete -c gatewayctl -n "$in_pki; and __fish_seen_subcommand_from revoke" -l reason -x -d Why \
    -a 'unspecified keyCompromise CACompromise affiliationChanged superseded cessationOfOperation certificateHold'
