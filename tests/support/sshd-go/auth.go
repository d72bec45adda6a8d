package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

var errDenied = errors.New("denied")

// credentials is what the flags say a client has to have.
type credentials struct {
	methods    []string // offered beside "none"
	password   string
	authorized [][]byte // public keys as on the wire
}

func readAuthorized(file string) (keys [][]byte, err error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for len(bytes.TrimSpace(rest)) > 0 {
		var key ssh.PublicKey
		if key, _, _, rest, err = ssh.ParseAuthorizedKey(rest); err != nil {
			return nil, err
		}
		keys = append(keys, key.Marshal())
	}
	return keys, nil
}

// oddBanners are what a terminal had better not be shown as they are.
var oddBanners = []string{
	"",
	"no line end",
	"\x1b]0;title\x07\x1b[2Jescape\r\n",
	"invalid \xff\xfe UTF-8\n",
	strings.Repeat("long ", 6000) + "\n",
}

// none decides by the user name; the banners are sent while it runs.
func none(user string, send func(string) error, conn net.Conn) error {
	switch user {
	case "check":
		send("# visit https://login.example/a/1\r\n")
		time.Sleep(1500 * time.Millisecond)
		send("# thank you\r\n")
	case "forever":
		send("# visit https://login.example/a/2\r\n")
		for i := 0; i < 600 && send("") == nil; i++ {
			time.Sleep(time.Second)
		}
		return errDenied
	case "refused":
		send("tailnet policy does not permit you to SSH to this node\r\n")
		conn.Close()
		return errors.New("refused")
	case "banners":
		for _, banner := range oddBanners {
			send(banner)
		}
	case "nul":
		send("nul \x00 inside\n") // OpenSSH's client takes this for a broken packet
	case "flood":
		for send("and another thing\r\n") == nil {
		}
		return errDenied
	case "denied", "password", "key", "questions", "steps":
		return errDenied
	}
	return nil
}

// questions asks two things at once, one of them shown as it is typed, then tells one more.
func (c *credentials) questions(ask ssh.KeyboardInteractiveChallenge) error {
	answers, err := ask("Two questions", "Answer both of them.",
		[]string{"Password: ", "Favourite colour: "}, []bool{false, true})
	if err != nil {
		return err
	}
	if len(answers) != 2 || answers[0] != c.password || answers[1] != "blue" {
		return errDenied
	}
	_, err = ask("", "That is right.", nil, nil)
	return err
}

func (c *credentials) isAuthorized(key ssh.PublicKey) bool {
	for _, wanted := range c.authorized {
		if bytes.Equal(wanted, key.Marshal()) {
			return true
		}
	}
	return false
}

func (c *credentials) byPassword(meta ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
	if meta.User() != "password" || c.password == "" || string(password) != c.password {
		return nil, errDenied
	}
	return nil, nil
}

func (c *credentials) byQuestions(
	meta ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge,
) (*ssh.Permissions, error) {
	if meta.User() != "questions" {
		return nil, errDenied
	}
	return nil, c.questions(ask)
}

// byKey lets "key" in; "steps" has to answer the questions next, then to give the password.
func (c *credentials) byKey(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	if !c.isAuthorized(key) || (meta.User() != "key" && meta.User() != "steps") {
		return nil, errDenied
	}
	if meta.User() == "key" {
		return nil, nil
	}
	last := ssh.ServerAuthCallbacks{
		PasswordCallback: func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if string(password) != c.password {
				return nil, errDenied
			}
			return nil, nil
		},
	}
	return nil, &ssh.PartialSuccessError{Next: ssh.ServerAuthCallbacks{
		KeyboardInteractiveCallback: func(
			_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge,
		) (*ssh.Permissions, error) {
			if err := c.questions(ask); err != nil {
				return nil, err
			}
			return nil, &ssh.PartialSuccessError{Next: last}
		},
	}}
}

func configure(config *ssh.ServerConfig, creds *credentials, conn net.Conn) *ssh.ServerConfig {
	c := *config
	var send func(string) error
	c.PreAuthConnCallback = func(pre ssh.ServerPreAuthConn) { send = pre.SendAuthBanner }
	c.NoClientAuth = true
	c.NoClientAuthCallback = func(meta ssh.ConnMetadata) (*ssh.Permissions, error) {
		return nil, none(meta.User(), send, conn)
	}
	for _, method := range creds.methods {
		switch method {
		case "password":
			c.PasswordCallback = creds.byPassword
		case "publickey":
			c.PublicKeyCallback = creds.byKey
		case "keyboard-interactive":
			c.KeyboardInteractiveCallback = creds.byQuestions
		}
	}
	return &c
}
