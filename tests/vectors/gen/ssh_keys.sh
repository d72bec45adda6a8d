#!/bin/bash
# Makes tests/vectors/ssh_keys: private keys for the tests alone, by ssh-keygen and openssl.
#
#   TYPE.FORMAT[.ENCRYPTION]   the key; encrypted ones have the passphrase "correct horse"
#   TYPE.pub                   its public line, comment included
#   TYPE.sig[.sha256|.sha512]  "signed text" signed with it by openssl, raw (Ed25519, RSA)
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf ssh_keys && mkdir ssh_keys && cd ssh_keys
pass='correct horse'
printf 'signed text' > text

# copy NAME OF FILE, then ssh-keygen -p over it
openssh() { cp "$1.openssh" "$2"; ssh-keygen -q -p -P '' -N "$3" -f "$2" "${@:4}" > /dev/null; }

ssh-keygen -q -t ed25519 -N '' -C 'an ed25519 key' -f ed25519.openssh
ssh-keygen -q -t ecdsa -b 256 -N '' -C p256 -f p256.openssh
ssh-keygen -q -t ecdsa -b 384 -N '' -C p384 -f p384.openssh
ssh-keygen -q -t ecdsa -b 521 -N '' -C p521 -f p521.openssh
ssh-keygen -q -t rsa -b 1024 -N '' -C rsa1024 -f rsa1024.openssh
ssh-keygen -q -t rsa -b 2048 -N '' -C rsa2048 -f rsa2048.openssh
ssh-keygen -q -t rsa -b 8192 -N '' -C rsa8192 -f rsa8192.openssh
for f in *.openssh.pub; do mv "$f" "${f%.openssh.pub}.pub"; done

for type in ed25519 p256 p384 p521 rsa1024 rsa2048; do
    openssh $type $type.openssh.aes256-ctr "$pass" -a 2
done
for cipher in aes128-ctr aes192-ctr aes128-cbc aes192-cbc aes256-cbc aes128-gcm@openssh.com \
    aes256-gcm@openssh.com chacha20-poly1305@openssh.com; do
    openssh ed25519 "ed25519.openssh.${cipher%@*}" "$pass" -a 1 -Z $cipher
done
for type in p256 p384 p521 rsa1024 rsa2048 rsa8192; do
    openssh $type $type.pem '' -m PEM
    openssh $type $type.pkcs8 '' -m PKCS8
done
for type in p256 p521 rsa2048; do
    openssh $type $type.pem.keygen "$pass" -m PEM
    openssh $type $type.pkcs8.keygen "$pass" -m PKCS8
done
for bits in 128 192 256; do
    openssl rsa -traditional -in rsa2048.pem -aes$bits -passout "pass:$pass" -out rsa2048.pem.aes$bits
    openssl ec -in p384.pem -aes$bits -passout "pass:$pass" -out p384.pem.aes$bits
    openssl pkcs8 -topk8 -in p256.pem -v2 aes-$bits-cbc -passout "pass:$pass" -out p256.pkcs8.aes$bits
done 2> /dev/null
for prf in SHA1 SHA256 SHA512; do
    openssl pkcs8 -topk8 -in rsa1024.pem -v2 aes-256-cbc -v2prf hmacWith$prf -iter 77 \
        -passout "pass:$pass" -out rsa1024.pkcs8.$prf
done
openssl ecparam -name prime256v1 -genkey -out ecparam.pem # "EC PARAMETERS" ahead of it
ssh-keygen -y -f ecparam.pem > ecparam.pub
openssl ec -in p256.pem -conv_form compressed -out p256.pem.compressed 2> /dev/null

openssl genpkey -algorithm ed25519 -out ed25519o.pkcs8
openssl pkcs8 -topk8 -in ed25519o.pkcs8 -passout "pass:$pass" -out ed25519o.pkcs8.default
{
    printf 'ssh-ed25519 '
    { printf '\0\0\0\013ssh-ed25519\0\0\0\040'; openssl pkey -in ed25519o.pkcs8 -pubout -outform DER | tail -c 32; } | base64 -w 0
    echo
} > ed25519o.pub
openssl pkeyutl -sign -inkey ed25519o.pkcs8 -rawin -in text -out ed25519o.sig
for type in rsa1024 rsa2048 rsa8192; do
    for hash in sha256 sha512; do openssl dgst -$hash -sign $type.pem -out $type.sig.$hash text; done
done

# Certificates of a user called tester, for keys above.
ssh-keygen -q -t ed25519 -N '' -C ca -f ca.openssh && mv ca.openssh.pub ca.pub
for type in ed25519 p256 rsa2048; do
    ssh-keygen -q -s ca.openssh -I "$type of tester" -n tester -V always:forever $type.pub
done

# What cannot be used, each for its own reason.
mkdir refused
openssl ecparam -name secp256k1 -genkey -noout -out refused/type.secp256k1.pem
openssl ecparam -name prime256v1 -genkey -noout -param_enc explicit -out refused/type.explicit.pem
openssl genpkey -algorithm ed448 -out refused/type.ed448.pkcs8
openssl genrsa -traditional -out refused/size.rsa512.pem 512
openssl genrsa -traditional -out refused/size.rsa1016.pem 1016
openssl pkcs8 -topk8 -in p256.pem -scrypt -passout "pass:$pass" -out refused/cipher.scrypt.pkcs8
openssl pkcs8 -topk8 -in p256.pem -v1 PBE-SHA1-3DES -passout "pass:$pass" -out refused/cipher.pbes1.pkcs8
openssl rsa -traditional -in rsa1024.pem -des3 -passout "pass:$pass" -out refused/cipher.des3.pem 2> /dev/null
openssh ed25519 refused/cipher.3des.openssh "$pass" -a 1 -Z 3des-cbc
openssl dsaparam -genkey -noout -out dsa.tmp 1024 2> /dev/null
openssl pkey -traditional -in dsa.tmp -out refused/dsa.pem && openssl pkey -in dsa.tmp -out refused/dsa.pkcs8
openssl req -x509 -new -key rsa2048.pem -subj /CN=x -days 1 -out refused/public.x509 2> /dev/null
openssl pkey -in p256.pem -pubout -out refused/public.spki
ssh-keygen -e -f ed25519.pub > refused/public.rfc4716
cp ed25519.pub refused/public.line
rm -f -- *.tmp
