"""The login form."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired, Length

from app.accounts.passwords import MAX_CHARACTERS


class LoginForm(FlaskForm):
    """Email and password; the CSRF token comes with FlaskForm."""

    email = EmailField("Email", [InputRequired("Enter your email address"), Length(max=254)])
    password = PasswordField(
        "Password",
        [InputRequired("Enter your password"),
         Length(max=MAX_CHARACTERS, message=f"A password has at most {MAX_CHARACTERS} characters")],
    )
