"""Django's database backend with leased credentials: ENGINE = "cluster.secrets.django"."""
